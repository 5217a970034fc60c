{{ staged_feed('shipment_lines') }}
