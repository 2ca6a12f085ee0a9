"""What a caller hears before a human: menus and the direct flow. It knows no Asterisk."""
