"""What consumers may rely on: the canonical model, and what is generated from it.

The readable source is the pydantic models beside this file; the promise is the JSON Schema in
`published/`.  At run time only `contracts.schema` is read: nothing imports a model to move a record.
"""

MAJOR = 1
"""The major version of every contract here; it stands in topics, types and `dataschema`."""

ENTITIES = ("incident", "unit", "recording", "evidence", "custody-transfer", "alert")
"""What an event can be about, as on the topics."""

ACTIONS = ("created", "updated", "corrected", "withdrawn", "removed", "linked", "acknowledged")
"""What an event can say of it.  `removed`: gone at the source; `withdrawn`: taken back by policy."""
