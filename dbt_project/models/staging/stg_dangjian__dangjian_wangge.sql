{{ accepted('dangjian.dangjian_wangge') }}
