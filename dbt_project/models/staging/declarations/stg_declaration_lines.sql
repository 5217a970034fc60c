{{ staged_feed('declaration_lines') }}
