{{ staged_feed('order_decisions') }}
