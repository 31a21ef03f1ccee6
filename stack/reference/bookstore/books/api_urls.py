"""URLs of the API."""

from rest_framework.routers import SimpleRouter

from books.api import BookViewSet

router = SimpleRouter()
router.register("books", BookViewSet, basename="api-book")

urlpatterns = router.urls
