{{ accepted('dangjian.dangqun') }}
