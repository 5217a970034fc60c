{{ superseded_of(feeds_without_market()) }}
