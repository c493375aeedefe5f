-- Invented calls, the same at every run. For more or fewer change 300.
-- On PostgreSQL run postgresql.sql first: it lends that database two functions of SQLite.

INSERT INTO inmain (callno, calldate, calltime, calltype, origtype, prio, source, street, city, beat, lat, lon, callername,
  callerphone, closedate, closetime, dispo, remarks, changed)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300),
call (i, began, closed) AS (
  SELECT i, datetime('2026-04-06 17:40:00', '+' || (i * 7) || ' minutes'),
    CASE WHEN i % 13 = 0 THEN NULL ELSE datetime('2026-04-06 17:40:00', '+' || (i * 7 + 20 + i % 50) || ' minutes') END
  FROM n)
SELECT '26-' || substr(CAST(1000000 + i AS VARCHAR(7)), 2),
  strftime('%Y%m%d', began), strftime('%H%M', began),
  CASE i % 8 WHEN 0 THEN '62A' WHEN 1 THEN '21' WHEN 2 THEN '103F' WHEN 3 THEN '20' WHEN 4 THEN '67' WHEN 5 THEN '18'
    WHEN 6 THEN '107' ELSE 'ZZ9' END,
  CASE i % 8 WHEN 0 THEN '62A' WHEN 2 THEN '103' WHEN 3 THEN '20I' ELSE '21' END,
  CASE i % 4 WHEN 0 THEN '2A' WHEN 1 THEN '1C' WHEN 2 THEN '1A' ELSE '0A' END,
  CASE i % 4 WHEN 0 THEN 'E911' WHEN 1 THEN 'TEL' WHEN 2 THEN 'OFC' ELSE 'ALRM' END,
  (100 + i % 900) || CASE i % 3 WHEN 0 THEN ' Elm St' WHEN 1 THEN ' Maple Ave' ELSE ' Alder Ct' END,
  CASE i % 5 WHEN 0 THEN '' ELSE 'RIVERTON' END,
  (1 + i % 8) || 'L0' || (1 + i % 9),
  CASE i % 6 WHEN 0 THEN NULL ELSE '44.' || (47000 + i) END, CASE i % 6 WHEN 0 THEN NULL ELSE '-73.' || (21000 + i) END,
  CASE i % 4 WHEN 2 THEN NULL ELSE CASE i % 3 WHEN 0 THEN 'EXAMPLE, ANN' WHEN 1 THEN 'SAMPLE, BOB' ELSE 'NOBODY, CAL' END END,
  CASE i % 4 WHEN 2 THEN NULL ELSE '555-01' || substr(CAST(100 + i % 100 AS VARCHAR(3)), 2) END,
  strftime('%Y%m%d', closed), strftime('%H%M', closed),
  CASE WHEN closed IS NULL THEN NULL ELSE CASE i % 4 WHEN 0 THEN 'NAT' WHEN 1 THEN 'RTF' WHEN 2 THEN 'GOA' ELSE 'ARR' END END,
  CASE i % 10 WHEN 0 THEN 'Invented remark ' || i ELSE NULL END,
  CASE WHEN closed IS NULL THEN began ELSE closed END
FROM call;

-- Each call that is not cancelled has a unit that is sent, on the way, there and free again; some have a second.
INSERT INTO incilog (logid, callno, unitid, unittype, transtype, logtime, badge1, badge2)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300),
step (k, trans, after) AS (
  SELECT 1, 'D', 2 UNION ALL SELECT 2, 'E', 3 UNION ALL SELECT 3, 'A', 9 UNION ALL SELECT 4, 'C', 19
  UNION ALL SELECT 5, 'D', 4 UNION ALL SELECT 6, 'A', 11 UNION ALL SELECT 7, 'C', 15)
SELECT i * 10 + k, '26-' || substr(CAST(1000000 + i AS VARCHAR(7)), 2),
  CASE WHEN k < 5 THEN (1 + i % 8) || 'A' || (10 + i % 7) ELSE (1 + i % 8) || 'K' || (20 + i % 3) END,
  CASE WHEN k < 5 THEN 'PATROL' ELSE 'K9' END,
  CASE WHEN i % 11 = 0 AND k = 2 THEN 'X' ELSE trans END,
  datetime('2026-04-06 17:40:00', '+' || (i * 7 + after) || ' minutes'),
  1000 + i % 90, CASE i % 4 WHEN 0 THEN 2000 + i % 90 ELSE -9999 END
FROM n CROSS JOIN step
WHERE (k < 5 OR i % 7 = 0) AND (i % 11 <> 0 OR k < 3) AND (i % 13 <> 0 OR k < 4)
ORDER BY 1;
