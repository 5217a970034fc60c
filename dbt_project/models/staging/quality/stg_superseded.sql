{{ superseded_of(feeds_with_market()) }}
