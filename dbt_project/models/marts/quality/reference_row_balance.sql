{{ row_balance_of(['fx_rates']) }}
