{{ quarantine_of(['fx_rates']) }}
