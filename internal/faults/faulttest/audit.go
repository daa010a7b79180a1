package faulttest

// audit is what the database itself writes down, and how it is made to refuse: it
// knows every connection by its process's name.
//
//   - audit.claims: who took which run when, at which epoch;
//   - audit.frees: when a run was let go, and whether that was its end;
//   - audit.late: what a worker wrote of a run that another one had by then, which
//     must stay empty;
//   - audit.chance: how likely a statement on the engine's tables fails.
const audit = `
CREATE SCHEMA audit;
CREATE TABLE audit.claims (run_id text, epoch bigint, app text, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON audit.claims (run_id, epoch);
CREATE TABLE audit.frees (run_id text, ended boolean, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE audit.holders (run_id text PRIMARY KEY, epoch bigint, app text, tx bigint);
CREATE TABLE audit.late (run_id text, app text, holder text, type text, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE audit.chance (p double precision);
INSERT INTO audit.chance VALUES (0);

CREATE FUNCTION audit.claimed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE app text := current_setting('application_name');
BEGIN
	IF OLD.lease_owner <> '' AND NEW.lease_owner = '' THEN
		INSERT INTO audit.frees VALUES (NEW.id, NEW.state IN ('SUCCEEDED', 'FAILED', 'CANCELLED'));
	END IF;
	IF NEW.epoch = OLD.epoch THEN RETURN NULL; END IF;
	IF NEW.lease_owner <> '' THEN
		INSERT INTO audit.claims VALUES (NEW.id, NEW.epoch, app);
	ELSE
		app := '';
	END IF;
	INSERT INTO audit.holders VALUES (NEW.id, NEW.epoch, app, txid_current())
		ON CONFLICT (run_id) DO UPDATE SET epoch = excluded.epoch, app = excluded.app, tx = excluded.tx;
	RETURN NULL;
END $$;
CREATE TRIGGER audit_claimed AFTER UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION audit.claimed();

CREATE FUNCTION audit.happened() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE me text := current_setting('application_name'); holder audit.holders;
BEGIN
	IF NEW.run_id = '' OR me NOT LIKE 'worker-%' OR NEW.type NOT SIMILAR TO '(MESSAGE|TOOL_CALL|FILE)%' THEN RETURN NULL; END IF;
	SELECT * INTO holder FROM audit.holders WHERE run_id = NEW.run_id;
	-- Whoever takes a run from another may write of it in the same transaction.
	IF holder.app IS DISTINCT FROM me AND holder.tx IS DISTINCT FROM txid_current() THEN
		INSERT INTO audit.late VALUES (NEW.run_id, me, holder.app, NEW.type);
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER audit_happened AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION audit.happened();

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('application_name') <> '' AND random() < (SELECT p FROM audit.chance) THEN
		RAISE EXCEPTION 'a fault was asked for' USING ERRCODE = '58030';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER audit_refuse BEFORE INSERT OR UPDATE ON runs FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER audit_refuse BEFORE INSERT OR UPDATE ON messages FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER audit_refuse BEFORE INSERT OR UPDATE ON tool_calls FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER audit_refuse BEFORE INSERT OR UPDATE ON events FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER audit_refuse BEFORE INSERT OR UPDATE ON river_job FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER audit_refuse BEFORE INSERT OR UPDATE ON git_refs FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
`
