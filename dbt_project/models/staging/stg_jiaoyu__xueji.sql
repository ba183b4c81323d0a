{{ accepted('jiaoyu.xueji') }}
