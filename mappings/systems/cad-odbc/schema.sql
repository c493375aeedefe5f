-- A dispatch system's database as it is met in the field: no foreign keys, padded codes, the date of a call
-- in one column and its time of day in another, -9999 for nobody. Understood by SQLite and by PostgreSQL.

-- One row a call; it changes until the call is closed, and "changed" moves on with it.
CREATE TABLE inmain (
  callno     CHAR(9) NOT NULL PRIMARY KEY,  -- year, dash, running number
  calldate   CHAR(8) NOT NULL,              -- YYYYMMDD
  calltime   CHAR(4) NOT NULL,              -- HHMM, local time
  calltype   CHAR(6) NOT NULL,              -- what it is now
  origtype   CHAR(6) NOT NULL,              -- what it was called in as
  prio       CHAR(2) NOT NULL,
  source     CHAR(4) NOT NULL,              -- E911, TEL, OFC, ALRM
  street     VARCHAR(60),
  city       VARCHAR(30),
  beat       CHAR(4),
  lat        VARCHAR(12),
  lon        VARCHAR(12),
  callername VARCHAR(40),
  callerphone VARCHAR(14),
  closedate  CHAR(8),                       -- blank while the call is open
  closetime  CHAR(4),
  dispo      CHAR(4),
  remarks    VARCHAR(400),
  changed    TIMESTAMP NOT NULL);
CREATE INDEX inmain_changed ON inmain (changed, callno);

-- What units did: rows are only ever added. D dispatched, E on the way, A arrived, C cleared, X cancelled.
CREATE TABLE incilog (
  logid      INTEGER NOT NULL PRIMARY KEY,
  callno     CHAR(9) NOT NULL,
  unitid     CHAR(6) NOT NULL,
  unittype   CHAR(8) NOT NULL,
  transtype  CHAR(1) NOT NULL,
  logtime    TIMESTAMP NOT NULL,
  badge1     INTEGER NOT NULL,              -- -9999: nobody is logged in
  badge2     INTEGER NOT NULL);
CREATE INDEX incilog_callno ON incilog (callno, logid);
