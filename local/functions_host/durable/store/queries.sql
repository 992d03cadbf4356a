-- Every statement of the SQLite store, by name. Read by store/sqlite.py.

-- name: insert_instance
INSERT INTO instances (instance_id, execution_id, name, version, status, input, output, custom_status,
  created_us, updated_us, trace_parent, parent_instance_id, parent_execution_id, parent_name, parent_task_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: update_instance
UPDATE instances SET execution_id = ?, status = ?, input = ?, output = ?, custom_status = ?, updated_us = ?
WHERE instance_id = ?;

-- name: find_instance
SELECT instance_id, execution_id, name, version, status, input, output, custom_status,
  created_us, updated_us, trace_parent, parent_instance_id, parent_execution_id, parent_name, parent_task_id
FROM instances WHERE instance_id = ?;

-- name: list_children
SELECT instance_id, execution_id, name, version, status, input, output, custom_status,
  created_us, updated_us, trace_parent, parent_instance_id, parent_execution_id, parent_name, parent_task_id
FROM instances WHERE parent_instance_id = ? ORDER BY position;

-- name: list_instances
SELECT instance_id, execution_id, name, version, status, input, output, custom_status,
  created_us, updated_us, trace_parent, parent_instance_id, parent_execution_id, parent_name, parent_task_id, position
FROM instances
WHERE position > :after
  AND (:created_from_us IS NULL OR created_us >= :created_from_us)
  AND (:created_to_us IS NULL OR created_us <= :created_to_us)
  AND substr(instance_id, 1, length(:id_prefix)) = :id_prefix
  AND (:any_status OR status IN (SELECT value FROM json_each(:statuses)))
ORDER BY position LIMIT :limit;

-- name: delete_instance
DELETE FROM instances WHERE instance_id = ?;

-- name: insert_event
INSERT INTO history (instance_id, sequence, event) VALUES (?, ?, ?);

-- name: read_history
SELECT event FROM history WHERE instance_id = ? ORDER BY sequence;

-- name: delete_history
DELETE FROM history WHERE instance_id = ?;

-- name: insert_message
INSERT INTO messages (message_id, target_id, execution_id, event) VALUES (?, ?, ?, ?);

-- name: insert_result
INSERT INTO messages (message_id, target_id, execution_id, event)
SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM tasks WHERE row_id = ?5);

-- name: delete_message
DELETE FROM messages WHERE message_id = ?;

-- name: read_messages
SELECT message_id, target_id, execution_id, event FROM messages ORDER BY message_id;

-- name: insert_task
INSERT INTO tasks (row_id, instance_id, execution_id, task_id, name, payload, trace_parent)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: delete_task
DELETE FROM tasks WHERE row_id = ?;

-- name: read_tasks
SELECT row_id, instance_id, execution_id, task_id, name, payload, trace_parent FROM tasks ORDER BY row_id;

-- name: insert_timer
INSERT OR REPLACE INTO timers (instance_id, timer_id, execution_id, fire_us) VALUES (?, ?, ?, ?);

-- name: delete_timer
DELETE FROM timers WHERE instance_id = ? AND timer_id = ?;

-- name: delete_timers
DELETE FROM timers WHERE instance_id = ?;

-- name: read_timers
SELECT instance_id, execution_id, timer_id, fire_us FROM timers ORDER BY fire_us;

-- name: put_entity
INSERT OR REPLACE INTO entities (entity_id, does_exist, state, updated_us) VALUES (?, ?, ?, ?);

-- name: find_entity
SELECT entity_id, does_exist AS "exists", state, updated_us FROM entities WHERE entity_id = ?;

-- name: list_entities
SELECT entity_id, does_exist AS "exists", state, updated_us FROM entities
WHERE does_exist AND substr(entity_id, 1, length(:prefix)) = :prefix ORDER BY entity_id;
