{{ accepted('renshe.shebao') }}
