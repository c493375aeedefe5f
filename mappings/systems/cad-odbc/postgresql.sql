-- Lends PostgreSQL the two functions of SQLite that seed.sql uses.
CREATE FUNCTION datetime(text, text) RETURNS timestamp LANGUAGE sql IMMUTABLE AS
  'SELECT CAST($1 AS timestamp) + CAST($2 AS interval)';
CREATE FUNCTION strftime(text, timestamp) RETURNS text LANGUAGE sql IMMUTABLE AS
  'SELECT to_char($2, replace(replace(replace(replace(replace($1, ''%Y'', ''YYYY''), ''%m'', ''MM''), ''%d'', ''DD''), ''%H'', ''HH24''), ''%M'', ''MI''))';
