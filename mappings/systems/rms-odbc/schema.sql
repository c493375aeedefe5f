-- A records system's database as it is met in the field: an incident with its offences, persons in roles and property in
-- tables of their own, the evidence room beside it. Understood by SQLite and by PostgreSQL.

-- One row a report. Whoever changes a detail does not always touch it; so each detail has its own "updated".
CREATE TABLE incident (
  inc_id     INTEGER NOT NULL PRIMARY KEY,
  rpt_no     VARCHAR(12) NOT NULL,
  call_no    CHAR(9),                       -- the dispatch system's number, where there was a call
  occ_from   TIMESTAMP,
  occ_to     TIMESTAMP,
  rpt_at     TIMESTAMP NOT NULL,
  status     CHAR(2) NOT NULL,              -- OP open, CL closed, EX exceptional, UF unfounded
  loc_text   VARCHAR(60),
  loc_city   VARCHAR(30),
  juvenile   CHAR(1) NOT NULL,              -- Y, N
  sealed     CHAR(1) NOT NULL,              -- Y, N
  narrative  VARCHAR(2000),
  updated    TIMESTAMP NOT NULL);
CREATE INDEX incident_updated ON incident (updated, inc_id);

CREATE TABLE offense (
  inc_id     INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  ucr        CHAR(3) NOT NULL,              -- UCR code
  attempted  CHAR(1) NOT NULL,              -- A attempted, C completed
  updated    TIMESTAMP NOT NULL,
  PRIMARY KEY (inc_id, seq));

CREATE TABLE inc_person (
  inc_id     INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  role       CHAR(3) NOT NULL,              -- VIC, SUS, WIT, RPT
  lname      VARCHAR(40),
  fname      VARCHAR(40),
  dob        CHAR(8),                       -- YYYYMMDD, 00000000 when unknown
  sex        CHAR(1),
  race       CHAR(1),
  phone      VARCHAR(14),
  updated    TIMESTAMP NOT NULL,
  PRIMARY KEY (inc_id, seq));

CREATE TABLE property (
  inc_id     INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  status     CHAR(1) NOT NULL,              -- NIBRS: 4 damaged, 5 recovered, 6 seized, 7 stolen
  category   CHAR(2) NOT NULL,              -- NIBRS
  descr      VARCHAR(80),
  value      INTEGER,                       -- whole dollars, -1 when unknown
  serial_no  VARCHAR(30),
  updated    TIMESTAMP NOT NULL,
  PRIMARY KEY (inc_id, seq));

-- One row an exhibit.
CREATE TABLE evidence (
  ev_no      VARCHAR(14) NOT NULL PRIMARY KEY,
  inc_id     INTEGER NOT NULL,
  rpt_no     VARCHAR(12) NOT NULL,
  kind       CHAR(3) NOT NULL,              -- WPN, DRG, DOC, PHO, ELC
  descr      VARCHAR(80),
  found_at   VARCHAR(60),
  taken_on   TIMESTAMP NOT NULL,
  taken_by   INTEGER NOT NULL,              -- badge
  status     CHAR(2) NOT NULL,              -- IN, LB at the laboratory, CT at court, RT returned, DS destroyed
  updated    TIMESTAMP NOT NULL);
CREATE INDEX evidence_updated ON evidence (updated, ev_no);

-- One row a hand-over, never changed: the chain of an exhibit.
CREATE TABLE custody (
  tr_id      INTEGER NOT NULL PRIMARY KEY,
  ev_no      VARCHAR(14) NOT NULL,
  seq        INTEGER NOT NULL,
  action     CHAR(3) NOT NULL,              -- COL collected, RCV received, REL released, LAB to the laboratory, RET returned
  at         TIMESTAMP NOT NULL,
  from_badge INTEGER NOT NULL,              -- -9999: nobody of the agency
  to_badge   INTEGER NOT NULL,
  place      VARCHAR(40),
  reason     VARCHAR(80));
CREATE INDEX custody_ev_no ON custody (ev_no, seq);
