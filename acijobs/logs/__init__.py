"""The archives of job logs, a folder or a blob container, and the merging of a log's windows."""
