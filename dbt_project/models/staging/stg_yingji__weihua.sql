{{ accepted('yingji.weihua') }}
