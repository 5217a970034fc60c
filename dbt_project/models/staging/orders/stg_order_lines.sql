{{ staged_feed('order_lines') }}
