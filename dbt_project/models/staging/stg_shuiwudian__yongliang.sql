{{ accepted('shuiwudian.yongliang') }}
