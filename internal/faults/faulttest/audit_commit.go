package faulttest

// auditCommit has a commit itself fail as likely as a statement does: all has been
// written by then, events with their numbers included, and nothing of it stays.
const auditCommit = `
CREATE FUNCTION audit.refuse_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('application_name') <> '' AND random() < (SELECT p FROM audit.chance) THEN
		RAISE EXCEPTION 'a fault was asked for at the commit' USING ERRCODE = '58030';
	END IF;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER audit_refuse_commit AFTER INSERT ON events
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.refuse_commit();
`
