{{ accepted('minzheng.dibao') }}
