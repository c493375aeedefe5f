-- Invented reports, the same at every run. For more or fewer change 120, everywhere.
-- On PostgreSQL run postgresql.sql first: it lends that database two functions of SQLite.

INSERT INTO incident (inc_id, rpt_no, call_no, occ_from, occ_to, rpt_at, status, loc_text, loc_city, juvenile, sealed, narrative, updated)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
SELECT 5000 + i, '2026R' || substr(CAST(100000 + i AS VARCHAR(6)), 2),
  CASE i % 5 WHEN 4 THEN NULL ELSE '26-' || substr(CAST(1000000 + i * 2 AS VARCHAR(7)), 2) END,
  datetime('2026-04-06 15:00:00', '+' || (i * 41) || ' minutes'),
  CASE i % 3 WHEN 0 THEN NULL ELSE datetime('2026-04-06 15:00:00', '+' || (i * 41 + 35) || ' minutes') END,
  datetime('2026-04-06 18:00:00', '+' || (i * 41) || ' minutes'),
  CASE i % 4 WHEN 0 THEN 'CL' WHEN 3 THEN 'UF' ELSE 'OP' END,
  (100 + i % 900) || CASE i % 3 WHEN 0 THEN ' Elm St' WHEN 1 THEN ' Maple Ave' ELSE ' Alder Ct' END, 'RIVERTON',
  CASE i % 17 WHEN 0 THEN 'Y' ELSE 'N' END, CASE i % 29 WHEN 0 THEN 'Y' ELSE 'N' END,
  'Invented narrative of report ' || i || '.',
  datetime('2026-04-06 19:00:00', '+' || (i * 41) || ' minutes')
FROM n;

INSERT INTO offense (inc_id, seq, ucr, attempted, updated)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120), s (k) AS (SELECT 1 UNION ALL SELECT 2)
SELECT 5000 + i, k,
  CASE (i + k) % 5 WHEN 0 THEN '13B' WHEN 1 THEN '220' WHEN 2 THEN '23F' WHEN 3 THEN '290' ELSE '35A' END,
  CASE i % 6 WHEN 0 THEN 'A' ELSE 'C' END, datetime('2026-04-06 19:00:00', '+' || (i * 41) || ' minutes')
FROM n CROSS JOIN s WHERE k = 1 OR i % 4 = 0;

INSERT INTO inc_person (inc_id, seq, role, lname, fname, dob, sex, race, phone, updated)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120),
s (k) AS (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)
SELECT 5000 + i, k, CASE k WHEN 1 THEN 'VIC' WHEN 2 THEN 'SUS' ELSE CASE i % 2 WHEN 0 THEN 'WIT' ELSE 'RPT' END END,
  CASE (i + k) % 4 WHEN 0 THEN 'EXAMPLE' WHEN 1 THEN 'SAMPLE' WHEN 2 THEN 'NOBODY' ELSE 'INVENTED' END,
  CASE (i + k) % 3 WHEN 0 THEN 'ANN' WHEN 1 THEN 'BOB' ELSE 'CAL' END,
  CASE (i + k) % 5 WHEN 0 THEN '00000000' ELSE (1950 + (i * 3 + k) % 50) || '0' || (1 + i % 9) || (10 + k) END,
  CASE (i + k) % 2 WHEN 0 THEN 'F' ELSE 'M' END, CASE (i + k) % 3 WHEN 0 THEN 'W' WHEN 1 THEN 'B' ELSE 'U' END,
  CASE k WHEN 2 THEN NULL ELSE '555-01' || substr(CAST(100 + i % 100 AS VARCHAR(3)), 2) END,
  datetime('2026-04-06 19:00:00', '+' || (i * 41) || ' minutes')
FROM n CROSS JOIN s WHERE k = 1 OR (k = 2 AND i % 2 = 0) OR (k = 3 AND i % 5 < 2);

INSERT INTO property (inc_id, seq, status, category, descr, value, serial_no, updated)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120), s (k) AS (SELECT 1 UNION ALL SELECT 2)
SELECT 5000 + i, k, CASE i % 3 WHEN 0 THEN '7' WHEN 1 THEN '4' ELSE '5' END,
  CASE i % 4 WHEN 0 THEN '04' WHEN 1 THEN '07' WHEN 2 THEN '06' ELSE '02' END, 'Invented item ' || i || '.' || k,
  CASE i % 7 WHEN 0 THEN -1 ELSE 20 + i * k END, CASE i % 2 WHEN 0 THEN 'SN' || (90000 + i * k) ELSE NULL END,
  datetime('2026-04-06 19:00:00', '+' || (i * 41) || ' minutes')
FROM n CROSS JOIN s WHERE i % 3 <> 2 AND (k = 1 OR i % 5 = 0);

INSERT INTO evidence (ev_no, inc_id, rpt_no, kind, descr, found_at, taken_on, taken_by, status, updated)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
SELECT '26E' || substr(CAST(100000 + i AS VARCHAR(6)), 2), 5000 + i, '2026R' || substr(CAST(100000 + i AS VARCHAR(6)), 2),
  CASE i % 5 WHEN 0 THEN 'WPN' WHEN 1 THEN 'DRG' WHEN 2 THEN 'DOC' WHEN 3 THEN 'PHO' ELSE 'ELC' END,
  'Invented exhibit ' || i, (100 + i % 900) || ' Elm St',
  datetime('2026-04-06 20:00:00', '+' || (i * 41) || ' minutes'), 1000 + i % 90,
  CASE WHEN i % 4 = 0 THEN 'LB' WHEN i % 8 = 2 THEN 'RT' ELSE 'IN' END,
  datetime('2026-04-07 08:00:00', '+' || (i * 41) || ' minutes')
FROM n WHERE i % 2 = 0;

INSERT INTO custody (tr_id, ev_no, seq, action, at, from_badge, to_badge, place, reason)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120),
s (k, action, after) AS (SELECT 1, 'COL', 0 UNION ALL SELECT 2, 'RCV', 95 UNION ALL SELECT 3, 'LAB', 700 UNION ALL SELECT 4, 'RET', 900)
SELECT i * 10 + k, '26E' || substr(CAST(100000 + i AS VARCHAR(6)), 2), k, action,
  datetime('2026-04-06 20:00:00', '+' || (i * 41 + after) || ' minutes'),
  CASE k WHEN 1 THEN -9999 WHEN 2 THEN 1000 + i % 90 ELSE 3001 END, CASE k WHEN 1 THEN 1000 + i % 90 WHEN 2 THEN 3001 ELSE -9999 END,
  CASE k WHEN 1 THEN 'Scene' ELSE 'Property room' END,
  CASE k WHEN 3 THEN 'Examination' WHEN 4 THEN 'To the owner' ELSE NULL END
FROM n CROSS JOIN s WHERE i % 2 = 0 AND (k < 3 OR (k = 3 AND i % 4 = 0) OR (k = 4 AND i % 8 = 2))
ORDER BY 1;
