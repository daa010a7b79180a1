-- Modify "conversations" table
ALTER TABLE "conversations" ADD COLUMN "branch" character varying NOT NULL DEFAULT '', ADD COLUMN "forked_from_id" character varying NOT NULL DEFAULT '' COLLATE "C", ADD COLUMN "deleted_at" timestamptz NULL;
-- Create index "conversation_deleted" to table: "conversations"
CREATE INDEX "conversation_deleted" ON "conversations" ("project_id") WHERE (deleted_at IS NOT NULL);
-- Modify "messages" table
ALTER TABLE "messages" ADD COLUMN "edits_id" character varying NOT NULL DEFAULT '' COLLATE "C", ADD COLUMN "sender_run_id" character varying NOT NULL DEFAULT '' COLLATE "C", ADD COLUMN "copy_of_id" character varying NOT NULL DEFAULT '' COLLATE "C", ADD COLUMN "turn_id" character varying NOT NULL DEFAULT '' COLLATE "C";
-- Create index "message_sender" to table: "messages"
CREATE INDEX "message_sender" ON "messages" ("sender_run_id") WHERE ((sender_run_id)::text <> ''::text);
-- Modify "runs" table
ALTER TABLE "runs" ADD COLUMN "call_id" character varying NOT NULL DEFAULT '' COLLATE "C";
