{{ row_balance_of(feeds_with_market()) }}
