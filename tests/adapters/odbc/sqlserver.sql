-- what the columns are
SELECT r.* FROM [cad].[dbo].[inmain] r WHERE 1 = 0

-- what type the watermark is of
SELECT CAST(SQL_VARIANT_PROPERTY(CAST(MAX(r.[changed]) AS sql_variant), 'BaseType') AS varchar(20)) FROM [cad].[dbo].[inmain] r

-- the snapshot goes on
SELECT TOP (500) r.[callno], CONVERT(varchar(33), r.[opened], 126), CAST(r.[guid] AS varchar(36)) FROM [cad].[dbo].[inmain] r WHERE r.[agency] IS NOT NULL AND r.[callno] IS NOT NULL AND r.[agency] >= ? AND (r.[agency] > ? OR (r.[agency] = ? AND (r.[callno] > ?))) ORDER BY r.[agency], r.[callno]

-- the newest time, and the clock
SELECT CONVERT(varchar(33), MAX(r.[changed]), 126), CONVERT(varchar(33), SYSDATETIME(), 126) FROM [cad].[dbo].[inmain] r

-- times and keys of the window
SELECT TOP (2000) CONVERT(varchar(33), r.[changed], 126), r.[agency], r.[callno] FROM [cad].[dbo].[inmain] r WHERE r.[changed] >= CONVERT(datetime, ?, 126) ORDER BY r.[changed], r.[agency], r.[callno]

-- instants are compared in UTC
SELECT TOP (500) CONVERT(varchar(33), CAST(SWITCHOFFSET(r.[changed], 0) AS datetime2), 126) FROM [cad].[dbo].[inmain] r WHERE r.[changed] IS NOT NULL AND (r.[changed] > TODATETIMEOFFSET(CONVERT(datetime2, ?, 126), 0)) ORDER BY r.[changed]

-- the newest version that nothing open is below
SELECT CAST(MAX(r.[rv]) AS bigint), NULL FROM [cad].[dbo].[inmain] r WHERE r.[rv] < MIN_ACTIVE_ROWVERSION()

-- versions behind one that was read
SELECT TOP (500) CAST(r.[rv] AS bigint), r.[agency], r.[callno] FROM [cad].[dbo].[inmain] r WHERE r.[rv] >= CAST(CAST(? AS bigint) AS binary(8)) AND r.[rv] < MIN_ACTIVE_ROWVERSION() AND r.[rv] >= CAST(CAST(? AS bigint) AS binary(8)) AND (r.[rv] > CAST(CAST(? AS bigint) AS binary(8)) OR (r.[rv] = CAST(CAST(? AS bigint) AS binary(8)) AND (r.[agency] > ? OR (r.[agency] = ? AND (r.[callno] > ?))))) ORDER BY r.[rv], r.[agency], r.[callno]

-- rows by their key
SELECT r.[callno], CONVERT(varchar(33), r.[opened], 126), CAST(r.[guid] AS varchar(36)) FROM [cad].[dbo].[inmain] r WHERE ((r.[agency] = ? AND r.[callno] = ?) OR (r.[agency] = ? AND r.[callno] = ?)) ORDER BY r.[agency], r.[callno]

-- without locks, and only one agency's
SELECT TOP (500) r.[callno] FROM [dbo].[inmain] r WITH (NOLOCK) WHERE r.[agency] IN (?) AND r.[callno] IS NOT NULL ORDER BY r.[callno]

-- a queue's gaps
SELECT r.[n] FROM [dbo].[queue] r WHERE ((r.[n] >= ? AND r.[n] <= ?)) ORDER BY r.[n]

-- the version that the snapshot stands on
SELECT CHANGE_TRACKING_CURRENT_VERSION()

-- the oldest version that is still kept
SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('[cad].[dbo].[inmain]'))

-- changes since
SELECT TOP (500) c.SYS_CHANGE_VERSION, c.[agency], c.[callno] FROM CHANGETABLE(CHANGES [cad].[dbo].[inmain], ?) c WHERE c.SYS_CHANGE_VERSION >= ? AND (c.SYS_CHANGE_VERSION > ? OR (c.SYS_CHANGE_VERSION = ? AND (c.[agency] > ? OR (c.[agency] = ? AND (c.[callno] > ?))))) ORDER BY c.SYS_CHANGE_VERSION, c.[agency], c.[callno]

-- is the event there
SELECT [n] FROM [dbo].[calls] WHERE [event_id] = ?

-- a new row
INSERT INTO [dbo].[calls] ([callno], [place], [event_id]) VALUES (?, ?, ?)

-- a changed row
UPDATE [dbo].[calls] SET [callno] = ?, [place] = ?, [event_id] = ? WHERE [callno] = ?

-- a procedure
{CALL [dbo].[add_call](?, ?)}

-- one record in a transaction
SAVE TRANSACTION one_record

-- one record in a transaction
ROLLBACK TRANSACTION one_record

-- after connecting
SET LOCK_TIMEOUT 60000

