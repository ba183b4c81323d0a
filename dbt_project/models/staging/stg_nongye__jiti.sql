{{ accepted('nongye.jiti') }}
