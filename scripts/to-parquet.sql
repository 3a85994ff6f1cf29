-- Parquet from what `stridewise export --format jsonl --out flat` wrote, in the same folders.
-- duckdb < scripts/to-parquet.sql   (in the folder that holds flat/)
COPY (
    SELECT * FROM read_json_auto('flat/schema=1/**/*.jsonl', hive_partitioning = true, format = 'newline_delimited')
    ORDER BY class_id, case_id
) TO 'parquet' (FORMAT parquet, PARTITION_BY (schema, arch, class, month), OVERWRITE_OR_IGNORE);
