"""The command `naswot`: one module per subcommand."""
