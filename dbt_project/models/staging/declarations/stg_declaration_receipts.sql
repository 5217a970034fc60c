{{ staged_feed('declaration_receipts') }}
