{{ row_balance_of(['orders', 'order_lines', 'shipments', 'shipment_lines', 'declarations', 'declaration_lines']) }}
