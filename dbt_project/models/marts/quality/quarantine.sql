{{ quarantine_of(feeds_with_market()) }}
