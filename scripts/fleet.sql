-- What a fleet's owner asks of the Parquet files that scripts/to-parquet.sql makes. duckdb < scripts/fleet.sql
CREATE VIEW pairs AS SELECT * FROM read_parquet('parquet/**/*.parquet', hive_partitioning = true);

-- Which CPU pays most for walking f8 squares by columns, by size.
SELECT cpu, class_id, footprint_bytes, count(*) AS runs, round(median(penalty), 2) AS penalty,
       round(quantile_cont(penalty, 0.1), 2) AS p10, round(quantile_cont(penalty, 0.9), 2) AS p90
FROM pairs WHERE case_id LIKE 'order/sum/f8/%/C/1,0' GROUP BY ALL ORDER BY penalty DESC LIMIT 10;

-- Runs that are off by more than a tenth from the median of their class, case by case.
WITH middle AS (SELECT class_id, case_id, median(penalty) AS usual FROM pairs GROUP BY ALL)
SELECT run_id, count(*) AS cases, round(median(penalty / usual), 3) AS typical
FROM pairs JOIN middle USING (class_id, case_id) WHERE abs(ln(penalty / usual)) > ln(1.1)
GROUP BY run_id ORDER BY cases DESC LIMIT 10;
