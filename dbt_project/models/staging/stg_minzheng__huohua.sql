{{ accepted('minzheng.huohua') }}
