"""The staff's dashboard: what composes several rooms in the admin, and the audit trail."""
