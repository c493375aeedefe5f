"""What a file looks like.  One module per form: its settings, its reader and its writer."""
