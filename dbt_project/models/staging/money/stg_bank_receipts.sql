{{ staged_feed('bank_receipts') }}
