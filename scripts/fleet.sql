-- What a fleet's owner asks of the Parquet files that scripts/to-parquet.sql makes. duckdb < scripts/fleet.sql
-- A class is a kind of machine; the cache sizes of its CPU are columns, so that working sets are compared in multiples of them.
CREATE OR REPLACE VIEW pairs AS SELECT * FROM read_parquet('parquet/**/*.parquet', hive_partitioning = true);

-- 1. Which CPU pays most for walking C-order f8 squares by columns at four times its L2: between the two measured sizes around it,
-- linear in the logarithm of the bytes, as `stridewise compare --across class` reads it.
WITH squares AS (
    SELECT cpu, class_id, run_id, footprint_bytes AS bytes, 4 * l2_bytes AS wanted, penalty
    FROM pairs WHERE regexp_full_match(case_id, 'order/sum/f8/(\d+)x(\d+)/C/1,0')
        AND regexp_extract(case_id, 'f8/(\d+)x', 1) = regexp_extract(case_id, 'x(\d+)/C', 1)
), around AS (
    SELECT cpu, class_id, run_id, any_value(wanted) AS wanted,
           max(bytes) FILTER (bytes <= wanted) AS below, arg_max(penalty, bytes) FILTER (bytes <= wanted) AS penalty_below,
           min(bytes) FILTER (bytes >= wanted) AS above, arg_min(penalty, bytes) FILTER (bytes >= wanted) AS penalty_above
    FROM squares GROUP BY ALL
), there AS (
    SELECT *, CASE WHEN below = above THEN penalty_below ELSE exp(ln(penalty_below)
        + (ln(penalty_above) - ln(penalty_below)) * (ln(wanted) - ln(below)) / (ln(above) - ln(below))) END AS penalty
    FROM around WHERE below IS NOT NULL AND above IS NOT NULL
)
SELECT cpu, class_id, any_value(wanted) AS bytes_at_4xL2, count(*) AS runs, round(median(penalty), 2) AS penalty,
       round(quantile_cont(penalty, 0.1), 2) AS p10, round(quantile_cont(penalty, 0.9), 2) AS p90
FROM there GROUP BY cpu, class_id ORDER BY penalty DESC;

-- 2. Which runs deviate from their class: the median over all cases of penalty / the class's median, and how many cases are off by
-- more than a tenth. Cases that stay in the first cache cost nothing and say nothing.
WITH middle AS (SELECT class_id, case_id, median(penalty) AS usual, count(*) AS runs FROM pairs GROUP BY ALL),
     off AS (SELECT run_id, cpu, class_id, penalty / usual AS ratio FROM pairs JOIN middle USING (class_id, case_id)
             WHERE runs >= 3 AND usual > 1.2)
SELECT run_id, cpu, class_id, count(*) AS cases, round(median(ratio), 3) AS typical,
       count(*) FILTER (abs(ln(ratio)) > ln(1.1)) AS off_by_a_tenth
FROM off GROUP BY ALL HAVING abs(ln(median(ratio))) > ln(1.05) ORDER BY abs(ln(typical)) DESC, run_id LIMIT 10;

-- 3. The largest steps from one month to the next of a whole class, the median over its cases.
WITH monthly AS (SELECT class_id, case_id, month, median(penalty) AS penalty FROM pairs GROUP BY ALL),
     steps AS (SELECT class_id, month, penalty / lag(penalty) OVER (PARTITION BY class_id, case_id ORDER BY month) AS step FROM monthly)
SELECT class_id, month, round(median(step), 3) AS over_the_month_before, count(step) AS cases
FROM steps WHERE step IS NOT NULL GROUP BY ALL ORDER BY abs(ln(median(step))) DESC, class_id, month LIMIT 4;
