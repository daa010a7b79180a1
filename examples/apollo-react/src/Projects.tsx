import { useMutation, useQuery } from "@apollo/client/react";
import type { FormEvent } from "react";
import { CreateProject, Projects as ProjectsQuery } from "./operations";

export function Projects({ chosen, choose }: { chosen: string | undefined; choose: (id: string) => void }) {
  const { data, error } = useQuery(ProjectsQuery);
  const [create, creating] = useMutation(CreateProject, { refetchQueries: [ProjectsQuery] });

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const name = String(new FormData(form).get("name"));
    const made = await create({ variables: { input: { name, idempotencyKey: crypto.randomUUID() } } }).catch(
      () => null,
    );
    if (!made?.data) return;
    form.reset();
    choose(made.data.createProject.project.id);
  };

  return (
    <nav>
      <h1>Projects</h1>
      {(error ?? creating.error) && <p role="alert">{(error ?? creating.error)?.message}</p>}
      <ul>
        {data?.projects.edges.map(({ node }) => (
          <li key={node.id}>
            <button
              type="button"
              aria-current={node.id === chosen ? "true" : undefined}
              onClick={() => choose(node.id)}
            >
              {node.name}
            </button>
          </li>
        ))}
      </ul>
      <form onSubmit={submit}>
        <input name="name" placeholder="New project" aria-label="Name of the new project" required maxLength={120} />
        <button type="submit" disabled={creating.loading}>
          Add
        </button>
      </form>
      <footer>{data?.viewer?.name}</footer>
    </nav>
  );
}
