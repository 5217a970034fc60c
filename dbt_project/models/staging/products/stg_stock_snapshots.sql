{{ staged_feed('stock_snapshots') }}
