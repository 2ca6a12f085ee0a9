"""Set-up of a bare Debian or Ubuntu machine. Standard library only: it runs before there is any environment."""
