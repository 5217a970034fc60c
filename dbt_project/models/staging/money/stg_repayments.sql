{{ staged_feed('repayments') }}
