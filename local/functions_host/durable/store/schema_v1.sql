CREATE TABLE instances (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  instance_id TEXT NOT NULL UNIQUE,
  execution_id TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  status TEXT NOT NULL,
  input TEXT,
  output TEXT,
  custom_status TEXT,
  created_us INTEGER NOT NULL,
  updated_us INTEGER NOT NULL,
  parent_instance_id TEXT,
  parent_execution_id TEXT,
  parent_name TEXT,
  parent_task_id INTEGER
);
CREATE INDEX instances_by_parent ON instances (parent_instance_id) WHERE parent_instance_id IS NOT NULL;

CREATE TABLE history (
  instance_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  event TEXT NOT NULL,
  PRIMARY KEY (instance_id, sequence)
) WITHOUT ROWID;

CREATE TABLE messages (
  message_id INTEGER PRIMARY KEY,
  target_id TEXT NOT NULL,
  execution_id TEXT,
  event TEXT NOT NULL
);

CREATE TABLE tasks (
  row_id INTEGER PRIMARY KEY,
  instance_id TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  task_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  payload TEXT
);

CREATE TABLE timers (
  instance_id TEXT NOT NULL,
  timer_id INTEGER NOT NULL,
  execution_id TEXT NOT NULL,
  fire_us INTEGER NOT NULL,
  PRIMARY KEY (instance_id, timer_id)
) WITHOUT ROWID;

CREATE TABLE entities (
  entity_id TEXT PRIMARY KEY,
  does_exist INTEGER NOT NULL,
  state TEXT,
  updated_us INTEGER NOT NULL
) WITHOUT ROWID;
