{{ row_balance_of(feeds_without_market()) }}
