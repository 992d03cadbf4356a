ALTER TABLE instances ADD COLUMN trace_parent TEXT;
ALTER TABLE tasks ADD COLUMN trace_parent TEXT;
