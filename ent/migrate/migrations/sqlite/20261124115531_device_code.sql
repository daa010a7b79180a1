-- Create "device_codes" table
CREATE TABLE `device_codes` (`id` text NOT NULL, `created_at` datetime NOT NULL, `hash` blob NOT NULL, `user_code` text NOT NULL, `client_name` text NOT NULL, `decision` text NULL, `expires_at` datetime NOT NULL, `polled_at` datetime NULL, `used_at` datetime NULL, `user_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `device_codes_users_user` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE);
-- Create index "device_codes_hash_key" to table: "device_codes"
CREATE UNIQUE INDEX `device_codes_hash_key` ON `device_codes` (`hash`);
-- Create index "device_codes_user_code_key" to table: "device_codes"
CREATE UNIQUE INDEX `device_codes_user_code_key` ON `device_codes` (`user_code`);
-- Create index "devicecode_user_id" to table: "device_codes"
CREATE INDEX `devicecode_user_id` ON `device_codes` (`user_id`);
-- Create index "devicecode_expires_at" to table: "device_codes"
CREATE INDEX `devicecode_expires_at` ON `device_codes` (`expires_at`);
-- Create "installations" table
CREATE TABLE `installations` (`id` text NOT NULL, `created_at` datetime NOT NULL, `single` integer NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `one_installation` CHECK (single = 1));
-- Create index "installations_single_key" to table: "installations"
CREATE UNIQUE INDEX `installations_single_key` ON `installations` (`single`);
