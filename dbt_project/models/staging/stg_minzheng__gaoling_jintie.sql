{{ accepted('minzheng.gaoling_jintie') }}
