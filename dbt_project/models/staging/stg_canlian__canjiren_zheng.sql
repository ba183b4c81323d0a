{{ accepted('canlian.canjiren_zheng') }}
