-- Add column "kind" to table: "conversations"
ALTER TABLE `conversations` ADD COLUMN `kind` text NOT NULL DEFAULT 'CHAT';
-- Name the kind of those that are there
UPDATE `conversations` SET `kind` = 'TASK' WHERE `task_id` <> '';
UPDATE `conversations` SET `kind` = 'QUESTION' WHERE `task_id` = '' AND `forked_from_id` = '' AND EXISTS (SELECT 1 FROM `messages` AS `m` WHERE `m`.`conversation_id` = `conversations`.`id` AND `m`.`position` = 0 AND `m`.`sender_run_id` <> '');
