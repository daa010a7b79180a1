import type { CodegenConfig } from "@graphql-codegen/cli";

/** Types of all documents in the examples and their tests, strictly from the published schema. */
const strict = {
  strictScalars: true,
  scalars: { Time: "string", Cursor: "string", Long: "number", Money: "string" },
  enumsAsTypes: true,
  useTypeImports: true,
  avoidOptionals: { field: true, inputValue: false },
};

const output = (folder: string, documentMode: "string" | "documentNode", documents = `${folder}/**/*.{ts,tsx}`) => ({
  [`${folder}/generated/`]: {
    preset: "client" as const,
    documents: [documents, `!${folder}/generated/**`, "!**/node_modules/**"],
    presetConfig: { fragmentMasking: false },
    config: { ...strict, documentMode },
  },
});

const config: CodegenConfig = {
  schema: "schema.graphql",
  generates: {
    ...output("examples/apollo-react/src", "documentNode"),
    ...output("examples/graphql-ws-node", "string"),
    ...output("web/e2e", "string"),
  },
};

export default config;
